#!/bin/sh
# Start the launcher with a Python that can run it; without one, answer as a server that says so.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
here=$(CDPATH= cd -- "$here" && pwd)
data=${TECHSPEC_DATA:-${XDG_DATA_HOME:-$HOME/.local/share}/techspec}
export TECHSPEC_DATA="$data"
PATH="$PATH:$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:/usr/bin"

found=
for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python; do
    command -v "$python" >/dev/null 2>&1 || continue
    found="$found $python"
    if "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 9))' </dev/null >/dev/null 2>&1
    then
        exec "$python" -I -S -X pycache_prefix="$data/pycache" "$here" "$@"
    fi
done

sentence="techspec needs Python 3.11 or newer (or uv, with any Python from 3.9); \
found: ${found:- no Python at all}. Install one from https://www.python.org/downloads/ \
or with your system's packages, then restart the agent."
if [ "$1" = build ]; then
    echo "$sentence" >&2
    exit 2
fi
while IFS= read -r line; do
    flat=$(printf '%s' "$line" | tr -d ' ')
    id=$(printf '%s' "$flat" | sed -n 's/.*"id":\("[^"]*"\|[0-9][0-9]*\)[,}].*/\1/p')
    method=$(printf '%s' "$flat" | sed -n 's/.*"method":"\([a-z_/]*\)".*/\1/p' | tr / _)
    [ -n "$id" ] || continue
    case $flat in *io.modelcontextprotocol/protocolVersion*) era=modern ;; *) era=legacy ;; esac
    if [ "$method" = tools_call ]; then
        result="{\"content\":[{\"type\":\"text\",\"text\":\"$sentence\"}],\"isError\":true}"
        [ $era = legacy ] || result="${result%?},\"resultType\":\"complete\"}"
    elif [ -f "$here/answers/$era/$method.json" ]; then
        result=$(tr -d '\n' <"$here/answers/$era/$method.json")
    else
        printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"%s"}}\n' "$id" "$sentence"
        continue
    fi
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
