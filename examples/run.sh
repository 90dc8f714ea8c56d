#!/usr/bin/env bash
# Runs each program of examples/ against a shop of its own (`minuet up`, in a folder of its own): each submits an order and follows it
# to its end, and each reaction happens once for each order, although every event is sent twice.
# A language that is not on this machine, or whose registry does not answer, is left out, and that is said.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
folder=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")/examples
folder_of_shop=$folder/shop
. "$root/dev/shop.sh"
cd "$root/examples"
mkdir -p "$folder"
left_out=()

install_python() {
    command -v python3 >/dev/null || return 1
    cmp -s python/requirements.txt "$folder/python/installed" && return
    rm -rf "$folder/python"
    python3 -m venv "$folder/python" || return 1
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check -r python/requirements.txt || return 1
    cp python/requirements.txt "$folder/python/installed"
}
install_node() {
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$folder/node"
    cp node/*.mjs node/package.json node/package-lock.json "$folder/node/"
    cmp -s node/package-lock.json "$folder/node/installed" && return
    npm ci --prefix "$folder/node" --ignore-scripts --no-audit --no-fund --silent || return 1
    cp node/package-lock.json "$folder/node/installed"
}
install_go() {
    command -v go >/dev/null && (cd go && go mod download)
}
install_java() {
    command -v mvn >/dev/null && command -v java >/dev/null || return 1
    mkdir -p "$folder/java"
    mvn --quiet --batch-mode -f java/pom.xml -Dbuild.folder="$folder/java" \
        dependency:build-classpath -Dmdep.outputFile="$folder/java/classpath"
}

build() {
    case $1 in
        go) (cd go && go build -o "$folder/go/" ./submit ./react) ;;
        java) mvn --quiet --batch-mode -f java/pom.xml -Dbuild.folder="$folder/java" compile ;;
    esac
}

run() {
    local language=$1 program=$2
    shift 2
    case $language in
        python) "$folder/python/bin/python" "python/$program.py" "$@" ;;
        node) node "$folder/node/$program.mjs" "$@" ;;
        go) "$folder/go/$program" "$@" ;;
        java) java -cp "$folder/java/classes:$(cat "$folder/java/classpath")" "${program^}" "$@" ;;
    esac
}

languages=()
for language in python node go java; do
    if "install_$language"; then languages+=("$language"); else left_out+=("$language"); fi
done
# A program that does not build is a fault, not a language that is missing.
for language in "${languages[@]}"; do
    build "$language"
done

shop_up "$folder_of_shop"

echo "== curl"
token=$(cd "$folder_of_shop" && "$minuet" token --user ada)
curl/order.sh "$token" "$(shop_at gateway)"

for language in "${languages[@]}"; do
    echo "== $language: submit"
    run "$language" submit "$endpoints"
done
# Runs a program in every language at once, and shows what each said. Each ends some seconds after the last event.
all() {
    local program=$1 pids=() language
    shift
    for language in "$@"; do
        run "$language" "$program" "$endpoints" "$folder/letters.$language" >"$folder/said.$language" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for language in "$@"; do
        echo "== $language: $program"
        cat "$folder/said.$language"
    done
}
sdks=()
for language in "${languages[@]}"; do
    case $language in python | java) sdks+=("$language") ;; esac
done
all envelopes "${sdks[@]}"
rm -f "$folder"/letters.*
all react "${languages[@]}"
for language in "${languages[@]}"; do
    [ -s "$folder/said.$language" ] || { echo "$language reacted to nothing" >&2; exit 1; }
done
# Every event once more, under the same ids.
(cd "$folder_of_shop" && "$minuet" audit replay export --output export.jsonl && "$minuet" produce --file export.jsonl)
all react "${languages[@]}"
for language in "${languages[@]}"; do
    [ ! -s "$folder/said.$language" ] || { echo "$language reacted twice to one event" >&2; exit 1; }
done

for language in "${left_out[@]}"; do
    echo "examples: left out, not run: $language" >&2
done
