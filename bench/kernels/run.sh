#!/usr/bin/env bash
# What instruction sets bring: llama.cpp's kernels as `cargo build` compiles them (AVX2 on x86-64) against the same sources
# compiled for this machine, in tokens per second of one thread's processor time. Only the kernels are compiled, once, into
# target/kernels; all else is linked from what cargo has built. Needs a release build, cmake and a C++ compiler.
#
#   bench/kernels/run.sh MODEL.gguf...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -gt 0 ] || { echo "usage: bench/kernels/run.sh MODEL.gguf..." >&2; exit 2; }

manifest="$(cargo metadata --locked --format-version 1 | python3 -c '
import json, sys
print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "llama-cpp-sys-2"))')"
sources="$(dirname "$manifest")/llama.cpp"
built="$(ls -td target/release/build/llama-cpp-sys-2-*/out/lib 2>/dev/null | head -n 1)"
[ -n "$built" ] || { echo "kernels: there is no release build; run make demo first" >&2; exit 1; }

place=target/kernels
mkdir -p "$place/lib"
if [ ! -f "$place/lib/libggml-cpu.a" ]; then
    cp -r "$sources/ggml" "$place/"
    # Left out of the crate, and asked for by its cmake file.
    touch "$place/ggml/ggml.pc.in"
    cmake -S "$place/ggml" -B "$place/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON \
        -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=ON -DGGML_BUILD_TESTS=OFF -DGGML_BUILD_EXAMPLES=OFF >&2
    cmake --build "$place/build" --target ggml-cpu >&2
    cp "$(find "$place/build" -name libggml-cpu.a)" "$place/lib/"
fi
link() {
    "${CXX:-c++}" -O2 -o "$place/$1" bench/kernels/kernels.cpp -I"$sources/include" -I"$sources/ggml/include" "${@:2}" -L"$built" \
        -Wl,--start-group -lllama -lggml -lggml-cpu -lggml-base -Wl,--end-group -lpthread -ldl -lm
}
link plain
link native -L"$place/lib"
for model in "$@"; do
    for kernels in plain native; do
        printf '%s %s %s\n' "$(basename "$model")" "$kernels" "$("$place/$kernels" "$model" "${REPETITIONS:-3}")"
    done
done
