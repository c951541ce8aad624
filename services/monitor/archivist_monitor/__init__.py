"""Says how the station is doing: health checks in the background, one report, the gauges that need one owner."""
