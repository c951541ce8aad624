"""HTTP to a Cablecast server: connection, requests, paging, circuit breaker."""
