"""How much a trace may hold, and where its bytes go; the description of `tracer` says more on both."""

import os
import time
from builtins import BlockingIOError, OSError, len, memoryview

clock, sleep = time.monotonic, time.sleep
os_write = os.write


class Budget:
    """What a trace may take; see the module's description."""

    __slots__ = ("chars", "depth", "items", "nesting", "seconds", "size", "steps", "string")

    def __init__(self, steps=2000, seconds=5.0, size=1 << 20, depth=200, items=32, string=200, nesting=5, chars=400):
        self.steps, self.seconds, self.size, self.depth = steps, seconds, size, depth
        self.items, self.string, self.nesting, self.chars = items, string, nesting, chars


class MemorySink:
    """Writes into shared memory: eight bytes of length, then the bytes."""

    __slots__ = ("base", "buffer", "count", "limit", "mark", "position")

    def __init__(self, buffer, start=0, end=None):
        self.buffer = buffer
        # In the machine's byte order, which is little-endian wherever the sandbox runs.
        self.count = memoryview(buffer)[start:start + 8].cast("Q")
        self.base = self.position = start + 8
        # The last bytes are kept for the end record.
        self.limit = (len(buffer) if end is None else end) - 32
        self.count[0] = 0
        self.mark = None

    def write(self, data):
        """Returns False when there is no more room."""
        position = self.position
        end = position + len(data)
        if end > self.limit:
            return False
        self.buffer[position:end] = data
        self.position = end
        self.count[0] = end - self.base
        return True

    def finish(self, data):
        self.mark = self.position, self.limit
        self.limit += 32
        self.write(data)

    def reopen(self):
        """Takes the end record back; whether that can be done."""
        self.position, self.limit = self.mark
        self.count[0] = self.position - self.base
        return True

    def flush(self):
        pass


class FdSink:
    """Writes to a descriptor in chunks."""

    __slots__ = ("due", "fd", "held", "seconds", "steps")

    def __init__(self, fd, steps=32, seconds=0.005):
        self.fd, self.steps, self.seconds = fd, steps, seconds
        self.held = []
        self.due = 0.0

    def write(self, data):
        """Returns False when the descriptor no longer takes anything."""
        self.held.append(data)
        if len(self.held) >= self.steps or clock() >= self.due:
            return self.flush()
        return True

    def finish(self, data):
        self.held.append(data)
        self.flush()

    def reopen(self):
        """What was written has gone."""
        return False

    def flush(self):
        data = memoryview(b"".join(self.held))
        self.held = []
        try:
            while len(data):
                try:
                    data = data[os_write(self.fd, data):]
                except BlockingIOError:
                    sleep(0.001)
        except OSError:
            return False
        self.due = clock() + self.seconds
        return True
