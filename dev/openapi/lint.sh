#!/usr/bin/env bash
# Lints docs/api/openapi.json with Redocly's linter, which is installed once, below the target folder, from the npm registry. Where Node is
# not here, or the registry does not answer, nothing is linted, and that is said.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/openapi

install() {
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$folder"
    if ! cmp -s dev/openapi/package-lock.json "$folder/installed"; then
        cp dev/openapi/package.json dev/openapi/package-lock.json "$folder/"
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent || return 1
        cp dev/openapi/package-lock.json "$folder/installed"
    fi
}

if install; then
    REDOCLY_TELEMETRY=off "$folder/node_modules/.bin/redocly" lint --config dev/openapi/redocly.yaml docs/api/openapi.json
else
    echo "the OpenAPI document is not linted: that needs Node 20 or newer, npm, and the npm registry" >&2
fi
