-- Adds the headers of the file $WRK_HEADERS to every request; prints the result as one line of JSON.
for line in io.lines(os.getenv("WRK_HEADERS")) do
  local name, value = line:match("^(.-): (.*)$")
  wrk.headers[name] = value
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "failed": %d, "microseconds": %d, "median": %.1f, "p99": %.1f}\n',
    summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
