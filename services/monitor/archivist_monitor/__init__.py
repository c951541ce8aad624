"""Health of the station: checks in the background, one report, the gauges that need one owner."""
