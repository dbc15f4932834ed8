#!/bin/sh
# Starts the server, or another command of Whybox when its name is the first word. With "exec" the command gets the container's signals.
set -eu
case "${1:-serve}" in
  explain | run | inspect | methods | check | convert | report | evidence | compare | export | shard | submit | worker | mcp | ui | completion) exec whybox "$@" ;;
  serve) [ $# -eq 0 ] || shift ;;
esac
# Other containers reach the port, so a token (WHYBOX_TOKEN, or --token-file) is required.
exec whybox serve --host "${WHYBOX_HOST:-0.0.0.0}" --port "${WHYBOX_PORT:-8080}" "$@"
