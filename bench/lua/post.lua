-- One body for every request: the first argument after `--`; JSON, or of the type that the second names.
function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = args[2] or "application/json"
  wrk.body = args[1]
end
