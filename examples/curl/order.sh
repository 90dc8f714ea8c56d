#!/usr/bin/env bash
# Orders over HTTP, waits for the order's end, and repeats the request: order.sh TOKEN [GATEWAY]
# `minuet token --user ada` prints a token for the gateway of `make up`.
set -euo pipefail
token=${1:?a token: minuet token --user ada}
gateway=${2:-http://127.0.0.1:8080}

order() {
    # The key makes it safe to repeat: the same key is the same order.
    curl -sS --fail-with-body "$gateway/v1/orders" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
        -H "Idempotency-Key: $1" -H 'Prefer: wait=20' \
        -d '{"payment_method": "credit_card", "lines": [{"sku": "MUG-STONE", "quantity": 2}]}'
    echo
}

key=$(date +%s%N)
first=$(order "$key")
echo "$first"
again=$(order "$key")
[ "$first" = "$again" ] || { echo "the repeated request had another answer: $again" >&2; exit 1; }

# What is refused says why, and names each field.
curl -sS "$gateway/v1/orders" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"payment_method": "gold", "lines": [{"sku": "MUG-STONE", "quantity": 0}]}'
echo
