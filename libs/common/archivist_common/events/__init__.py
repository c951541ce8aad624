"""What happened: the transactional outbox, the log for operators, wake-ups for workers."""
