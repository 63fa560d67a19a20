#!/bin/bash
# Like the stock entry point: the shell is PID 1, hands signals on, and exits without waiting for the server, so
# that a stopped container ends with 143 at once and the server is killed with it.

_term () {
  kill -TERM "$QDRANT_PID" 2>/dev/null
}
trap _term SIGTERM

_interrupt () {
  kill -INT "$QDRANT_PID" 2>/dev/null
}
trap _interrupt SIGINT

./qdrant "$@" &
QDRANT_PID=$!
wait $QDRANT_PID
exit $?
