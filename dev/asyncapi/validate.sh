#!/usr/bin/env bash
# Validates the AsyncAPI documents of docs/api with the parser of the AsyncAPI initiative, which is installed once, below the target
# folder, from the npm registry. Where Node is not here, or the registry does not answer, nothing is validated, and that is said.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/asyncapi

install() {
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$folder"
    cp dev/asyncapi/validate.mjs "$folder/"
    if ! cmp -s dev/asyncapi/package-lock.json "$folder/installed"; then
        cp dev/asyncapi/package.json dev/asyncapi/package-lock.json "$folder/"
        # No script of a dependency runs: one of them reports to its maker.
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent || return 1
        cp dev/asyncapi/package-lock.json "$folder/installed"
    fi
}

if install; then
    node "$folder/validate.mjs" docs/api/asyncapi*.yaml
else
    echo "the AsyncAPI documents are not validated: that needs Node 18 or newer, npm, and the npm registry" >&2
fi
