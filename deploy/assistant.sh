#!/bin/sh
# Runs the action server beside the assistant; when either ends, so does the container, and it is started again.
set -eu
.venv/assistant/bin/python -m actions.server &
actions=$!
.venv/assistant/bin/python -m assistant.serve run --interface 0.0.0.0 --port "$HAVEN_ASSISTANT_PORT" \
    --model "$HAVEN_MODELS/haven.tar.gz" --endpoints endpoints.yml --credentials credentials.yml &
assistant=$!
trap 'kill -TERM $actions $assistant 2>/dev/null || true' TERM INT
while kill -0 $actions 2>/dev/null && kill -0 $assistant 2>/dev/null; do
    sleep 1 &
    wait $! || true
done
kill -TERM $actions $assistant 2>/dev/null || true
wait
