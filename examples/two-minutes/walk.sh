#!/usr/bin/env bash
# The whole loop, a verb at a time, on a copy of TECHSPEC.md in .demo/ so that the checkout stays as it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .demo/registry
cd .demo
if [ ! -e TECHSPEC.md ]; then cp ../examples/two-minutes/TECHSPEC.md TECHSPEC.md; fi

bold="" plain=""
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

step() {
  local shown=""
  for word in "$@"; do
    case "$word" in *" "*) shown+=" '$word'" ;; *) shown+=" $word" ;; esac
  done
  printf '\n%s$ techspec%s%s\n' "$bold" "$shown" "$plain"
  techspec "$@"
}

step lint TECHSPEC.md
step advise "how many attention heads does a small decoder need to learn addition" TECHSPEC.md
step plan TECHSPEC.md
step run TECHSPEC.md
step judge TECHSPEC.md || [ $? -eq 1 ] # 1: some hypothesis is still open, which is an answer
step report TECHSPEC.md
step retrospective TECHSPEC.md --name two-minutes-addition
step advise "how many attention heads does a small decoder need to learn addition"

printf '\nWhat it made, all of it in .demo/:\n'
printf '  %s\n' \
  'TECHSPEC.md                                 the spec, now with its Results' \
  '.techspec/techspec/report.html              the page with plots' \
  'registry/two-minutes-addition/SKILL.md      the skill, found by the last advise above' \
  '.techspec/techspec/ledger.jsonl             all that happened, a line an event'
