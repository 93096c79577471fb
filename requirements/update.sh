#!/bin/sh
# Write the locks anew from pyproject.toml. Needs uv; run from the top folder.
set -eu
compile() {
    uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --quiet "$@"
}
compile --extra cpu --extra build -o requirements/cpu.lock
compile -c requirements/cpu.lock -o requirements/base.lock
compile --extra cuda --extra build -c requirements/cpu.lock -o requirements/cuda.lock
compile --extra build --extra tune -c requirements/cpu.lock -o requirements/tune.lock
compile --extra build --extra cluster -c requirements/cpu.lock -o requirements/cluster.lock
compile --extra build --extra test -c requirements/cpu.lock -c requirements/tune.lock -c requirements/cluster.lock \
    -o requirements/test.lock
compile --extra build --extra docs -c requirements/cpu.lock -c requirements/test.lock -o requirements/docs.lock
compile --extra build --extra release -c requirements/cpu.lock -c requirements/docs.lock -o requirements/release.lock
