"""Canonical forms of numpy's and pandas' values, for the data-science profile.

Each is a name and a tuple of built-in values; the judging process makes the object anew with its own libraries, which the
program never touched. So `np.array_equal`, `assert_frame_equal` and the like mean there what they mean in a test file.
Subclasses, structured arrays and types that are not listed have no canonical form. Arrays and frames travel as values:
what a call does to one that it was given is not seen by the test.
"""

import sys

import _egcfg_codec as codec
import _egcfg_comparing as comparing

# Modules that a test may take from the program by name, since the judging process has its own.
MODULES = set()


def install():
    """For the libraries that are loaded."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    for name in ("numpy", "pandas", "scipy", "sklearn", "matplotlib"):
        if name in sys.modules:
            MODULES.add(name)
    comparing.trust(MODULES, deep=True)
    if numpy is not None:
        _numpy(numpy)
        if pandas is not None:
            _pandas(numpy, pandas)


def _numpy(np):
    def array(x):
        if x.dtype.kind in "biufcmMUS":
            return "ndarray", (x.dtype.str, x.shape, x.tobytes())
        if x.dtype.kind == "O":
            return "objects", (x.shape, tuple(x.ravel().tolist()))
        return None

    def build(form):
        dtype, shape, data = form
        # A copy: the bytes cannot be written to.
        return np.frombuffer(data, dtype=_dtype(np, dtype)).reshape(shape).copy()

    def objects(form):
        shape, items = form
        made = np.empty(len(items), dtype=object)
        for index, item in enumerate(items):
            made[index] = item
        return made.reshape(shape)

    codec.EXTENSIONS[np.ndarray] = array
    # The collector does not see into an array.
    comparing.CONTENTS[id(np.ndarray)] = lambda x: np.ndarray.tolist(x) if x.dtype.hasobject else ()
    codec.BUILDERS["ndarray"], codec.BUILDERS["objects"] = build, objects
    codec.BUILDERS["scalar"] = lambda form: np.frombuffer(form[1], dtype=_dtype(np, form[0]))[0]
    for cls in set(np.sctypeDict.values()):
        if issubclass(cls, np.generic) and np.dtype(cls).kind in "biufcmMUS":
            codec.EXTENSIONS[cls] = lambda x: ("scalar", (x.dtype.str, x.tobytes()))
    codec.EXTENSIONS[type(np.dtype("f8"))] = codec.EXTENSIONS[type(np.dtype("i8"))] = _of_dtype
    for kind in "biufcmMUS":
        for cls in {type(np.dtype(name)) for name in ("?", "i1", "i2", "i4", "i8", "u1", "u8", "f2", "f4", "f8", "c16", "U1")}:
            codec.EXTENSIONS[cls] = _of_dtype
    codec.BUILDERS["dtype"] = lambda form: _dtype(np, form)


def _of_dtype(x):
    return ("dtype", x.str) if x.kind in "biufcmMUSO" else None


def _dtype(np, text):
    dtype = np.dtype(text)
    if dtype.hasobject and text != "|O":
        raise codec.Malformed("not a plain type: %s" % text)
    return dtype


def _pandas(np, pd):
    def values(x):
        """The values of a column or an index: kind, then what makes them anew."""
        dtype = x.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            cat = x.cat if isinstance(x, pd.Series) else x
            return "category", (np.asarray(cat.codes), pd.Index(dtype.categories), bool(dtype.ordered))
        if isinstance(dtype, pd.DatetimeTZDtype):
            naive = x.dt.tz_convert("UTC").dt.tz_localize(None) if isinstance(x, pd.Series) else x.tz_convert("UTC").tz_localize(None)
            return "zoned", (np.asarray(naive), str(dtype.tz))
        if isinstance(dtype, np.dtype):
            return "plain", (np.asarray(x),)
        if str(dtype) in _NULLABLE:
            return "nullable", (str(dtype), tuple(None if item is pd.NA else item for item in x.astype(object)))
        if isinstance(dtype, pd.StringDtype):
            return "text", (dtype.storage, tuple(None if item is pd.NA or item != item else item for item in x.astype(object)), dtype.na_value is pd.NA if hasattr(dtype, "na_value") else True)
        return None

    def revive(form):
        kind, parts = form
        if kind == "category":
            return pd.Categorical.from_codes(parts[0], categories=parts[1], ordered=parts[2])
        if kind == "zoned":
            return pd.DatetimeIndex(parts[0]).tz_localize("UTC").tz_convert(parts[1])
        if kind == "nullable" and parts[0] in _NULLABLE:
            return pd.array([pd.NA if item is None else item for item in parts[1]], dtype=parts[0])
        if kind == "text":
            dtype = pd.StringDtype(parts[0]) if parts[2] else pd.StringDtype(parts[0], na_value=np.nan)
            return pd.array([None if item is None else str(item) for item in parts[1]], dtype=dtype)
        if kind == "plain":
            return parts[0]
        raise codec.Malformed("no such kind of column")

    def series(x):
        column = values(x)
        return None if column is None or x.attrs else ("Series", (column, x.index, x.name))

    def frame(x):
        columns = [values(x.iloc[:, at]) for at in range(x.shape[1])]
        return None if None in columns or x.attrs else ("DataFrame", (tuple(columns), x.columns, x.index))

    def make_frame(form):
        columns, names, index = form
        made = {at: pd.Series(revive(column), index=index) for at, column in enumerate(columns)}
        made = pd.DataFrame(made, index=index)
        made.columns = names
        return made

    def index(x):
        column = values(x)
        freq = getattr(x, "freqstr", None)
        return None if column is None else ("Index", (type(x).__name__, column, x.name, freq))

    def make_index(form):
        kind, column, name, freq = form
        data = revive(column)
        if kind == "DatetimeIndex":
            return pd.DatetimeIndex(data, freq=freq, name=name)
        if kind == "TimedeltaIndex":
            return pd.TimedeltaIndex(data, freq=freq, name=name)
        return pd.Index(data, name=name)

    extensions, builders = codec.EXTENSIONS, codec.BUILDERS
    extensions[pd.Series], extensions[pd.DataFrame] = series, frame
    builders["Series"] = lambda form: pd.Series(revive(form[0]), index=form[1], name=form[2])
    builders["DataFrame"] = make_frame
    # Before its version 2, pandas had classes of their own for indexes of numbers.
    numeric = sys.modules.get("pandas.core.indexes.numeric")
    numbers = [getattr(numeric, name, None) for name in ("Int64Index", "UInt64Index", "Float64Index")]
    for cls in (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex, pd.CategoricalIndex, *filter(None, numbers)):
        extensions[cls] = index
    builders["Index"] = make_index
    extensions[pd.RangeIndex] = lambda x: ("RangeIndex", (x.start, x.stop, x.step, x.name))
    builders["RangeIndex"] = lambda form: pd.RangeIndex(form[0], form[1], form[2], name=form[3])
    extensions[pd.MultiIndex] = lambda x: (
        "MultiIndex", (tuple(x.levels), tuple(np.asarray(codes) for codes in x.codes), tuple(x.names))
    )
    builders["MultiIndex"] = lambda form: pd.MultiIndex(levels=form[0], codes=form[1], names=form[2])
    extensions[pd.Timestamp] = lambda x: ("Timestamp", (x.value, getattr(x, "unit", "ns"), str(x.tz) if x.tz is not None else None))
    builders["Timestamp"] = lambda form: _in_unit(pd.Timestamp(form[0], unit="ns", tz="UTC").tz_convert(form[2]), form[1])
    extensions[pd.Timedelta] = lambda x: ("Timedelta", (x.value, getattr(x, "unit", "ns")))
    builders["Timedelta"] = lambda form: _in_unit(pd.Timedelta(form[0], unit="ns"), form[1])
    extensions[type(pd.NaT)] = lambda x: ("NaT", ())
    builders["NaT"] = lambda form: pd.NaT
    extensions[type(pd.NA)] = lambda x: ("NA", ())
    builders["NA"] = lambda form: pd.NA


_NULLABLE = {
    "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "boolean",
}


def _in_unit(value, unit):
    return value.as_unit(unit) if unit != "ns" and hasattr(value, "as_unit") else value
