"""What every service is over HTTP: health, problem details, idempotency."""
