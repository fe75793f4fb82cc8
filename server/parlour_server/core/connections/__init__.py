"""From a frame on a WebSocket to exactly one answer, within a budget, for as long as the session lives."""
