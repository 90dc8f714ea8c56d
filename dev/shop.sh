# For scripts that need a running shop: `. dev/shop.sh; shop_up FOLDER` starts `minuet up` in FOLDER, on free ports, until the script ends.
# Sets `minuet` (the program) and `endpoints` (its endpoints.json).

minuet=$(realpath "${MINUET:-${CARGO_TARGET_DIR:-$(dirname "${BASH_SOURCE[0]}")/../target}/debug/minuet}")

shop_up() {
    local folder=$1
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && exec "$minuet" up --gateway-port 0 --kafka-port 0 --registry-port 0 --postgres-port 0) \
        >"$folder.log" 2>&1 </dev/null &
    shop=$!
    trap shop_down EXIT
    endpoints=$folder/.minuet/endpoints.json
    for _ in $(seq 240); do
        if grep -q "Minuet is up" "$folder.log"; then return; fi
        kill -0 "$shop" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 30 "$folder.log" >&2
    echo "minuet up has not come up" >&2
    return 1
}

shop_down() {
    kill -INT "$shop" 2>/dev/null || true
    wait "$shop" 2>/dev/null || true
}

# The value of a key of endpoints.json.
shop_at() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$endpoints"
}
