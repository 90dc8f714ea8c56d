#!/usr/bin/env bash
# The payment provider's client against programs by others: stripe-mock, localstripe and Stripe's SDK for Python. They are
# installed once, below the target folder, from the registries of Go and Python; nothing of them is linked. Where Go or Python is
# not here, their tests are left out, and that is said.
set -euo pipefail
cd "$(dirname "$0")/../.."

stripe_mock=v0.203.0
localstripe=1.15.10
sdk=16.1.0

folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/provider
mkdir -p "$folder"
tests=()
left_out=()

install_stripe_mock() {
    [ -x "$folder/stripe-mock-$stripe_mock" ] && return
    command -v go >/dev/null || return 1
    GOBIN="$folder/go" go install "github.com/stripe/stripe-mock@$stripe_mock" || return 1
    mv "$folder/go/stripe-mock" "$folder/stripe-mock-$stripe_mock"
}

install_python() {
    local installed="$folder/python/localstripe-$localstripe-stripe-$sdk"
    [ -e "$installed" ] && return
    command -v python3 >/dev/null || return 1
    rm -rf "$folder/python"
    python3 -m venv "$folder/python" || return 1
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check "localstripe==$localstripe" "stripe==$sdk" || return 1
    touch "$installed"
}

if install_stripe_mock; then
    export STRIPE_MOCK="$folder/stripe-mock-$stripe_mock"
    tests+=(provider::stripe::tests::stripe_mock)
else
    left_out+=("stripe-mock $stripe_mock (it needs Go and its module proxy)")
fi
if install_python; then
    export STRIPE_PYTHON="$folder/python/bin/python"
    tests+=(provider::stripe::tests::localstripe provider::stripe::tests::gateway provider::stripe::tests::signatures)
else
    left_out+=("localstripe $localstripe and Stripe's SDK $sdk (they need Python with venv, and PyPI)")
fi

for what in "${left_out[@]}"; do
    echo "provider-test: left out, not tested: $what" >&2
done
if [ ${#tests[@]} = 0 ]; then
    exit 0
fi
# As `make test` builds them: with other packages selected, features and so builds would differ.
cargo test --locked --quiet --workspace --lib -- --ignored "${tests[@]}"
