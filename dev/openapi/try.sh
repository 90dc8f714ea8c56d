#!/usr/bin/env bash
# schemathesis (PyPI) against the gateway of a shop of its own: hundreds of requests that the OpenAPI document allows, and that it does not,
# as an admin. What it finds fails. Where Python or PyPI is not here, nothing is tried, and that is said.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/schemathesis
version=4.32.5

install() {
    [ -e "$folder/installed-$version" ] && return
    command -v python3 >/dev/null || return 1
    rm -rf "$folder"
    python3 -m venv "$folder/python" || return 1
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" || return 1
    touch "$folder/installed-$version"
}

if ! install; then
    echo "the gateway was not tried with schemathesis: that needs Python with venv, and PyPI" >&2
    exit 0
fi
. dev/shop.sh
shop_up "$folder/shop"
token=$(cd "$folder/shop" && "$minuet" token --user schemathesis --scope admin)
gateway=$(shop_at gateway)
config=$PWD/dev/openapi/schemathesis.toml
# It keeps what it found where it runs.
cd "$folder"
python/bin/schemathesis --config-file "$config" run "$gateway/openapi.json" \
    --header "Authorization: Bearer $token" "$@"
