-- A key at random from a file for every request: the first argument after `--`.
function init(args)
  keys = {}
  for line in io.lines(args[1]) do keys[#keys + 1] = line end
  math.randomseed(tonumber(args[2]) or 1)
end

function request()
  return wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. keys[math.random(#keys)] })
end
