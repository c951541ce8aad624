def problems(data): return []
