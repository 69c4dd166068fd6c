# Sourced by ./run and ./test: installs what is missing, and builds.  Debian 12 packages and npm only.

# In words for people; the commands' own output goes to a log that is shown when they fail.
say() {
    printf '%s\n' "$*" >&2
}

setup_log=$(mktemp "${TMPDIR:-/tmp}/homebake-setup.XXXXXX")
trap 'rm -f "$setup_log"' EXIT

# quietly WHAT COMMAND…: runs it with a line of progress; on failure shows its last lines and stops.
quietly() {
    local what=$1 started=$SECONDS
    shift
    printf '  %s … ' "$what" >&2
    if "$@" >"$setup_log" 2>&1 </dev/null; then
        printf 'done (%ss)\n' "$((SECONDS - started))" >&2
    else
        printf 'failed\n' >&2
        tail -n 40 "$setup_log" >&2
        exit 1
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "Installing packages needs root, or a user with sudo.  Please run: apt-get install ${*: -1}"
        exit 1
    fi
}

# install_packages NAME…: those that are not there yet.
install_packages() {
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    quietly 'reading the package lists' as_root apt-get -q update
    quietly 'installing' as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Node.js 18 or newer, with npm: the one that is there, else Debian's.
install_node() {
    if command -v node >/dev/null && command -v npm >/dev/null &&
        [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]; then
        return 0
    fi
    install_packages nodejs npm
}

# npm_install FOLDER: what the lock file says, when it is not there yet or has changed.
npm_install() {
    local stamp=$1/node_modules/.homebake-stamp
    cmp -s "$1/package-lock.json" "$stamp" && return 0
    quietly "npm packages of $1" npm --prefix "$1" ci --no-audit --no-fund
    cp "$1/package-lock.json" "$stamp"
}

build_packages=(gcc libc6-dev pkg-config meson ninja-build libsqlite3-dev libsodium-dev libssl-dev liburing-dev libpcre2-dev
    zlib1g-dev clang lld wasi-libc libclang-rt-14-dev-wasm32 node-llhttp brotli gzip ca-certificates tzdata)

# The client core for the pages, when a source of it is newer.
build_wasm() {
    local out=web/src/live/client.wasm
    if [ -f "$out" ] &&
        [ -z "$(find bindings/wasm src/client src/base src/proto include -type f -newer "$out" -print -quit)" ]; then
        return 0
    fi
    quietly 'building the client as WebAssembly' bindings/wasm/build.sh "$out"
}

# The pages, when a source of theirs is newer than what was built last.
build_pages() {
    build_wasm
    if [ -f web/dist/index.html ] &&
        [ -z "$(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f \
            -newer web/dist/index.html -print -quit)" ]; then
        return 0
    fi
    install_node
    npm_install web
    quietly 'building the pages' npm --prefix web run build
}

# build_program FOLDER [MESON OPTION…]
build_program() {
    local folder=$1
    shift
    [ -f "$folder/build.ninja" ] || quietly "configuring $folder" meson setup "$folder" "$@"
    if ! ninja -C "$folder" -n 2>/dev/null | grep -q 'no work to do'; then
        quietly "building $folder" ninja -C "$folder"
    fi
}
