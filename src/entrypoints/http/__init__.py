"""What any HTTP API of ours needs: problems, request bodies, cursors, idempotency keys, an OpenAPI document."""
