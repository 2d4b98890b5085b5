import { HOUR_MS, LATEST_ARRIVAL_NS, NS_PER_MS } from './decision.ts';

/**
 * `spend` of decision.ts, in Redis: one atomic step, with the same whole numbers. A bucket is the text `opened used
 * arrival`. ARGV: cost, per hour, GCRA's interval and capacity (empty: without bound), the time (empty: Redis's own).
 * Answers `{granted, opened, used, arrival, now}`. The key ends when nothing would be lost by forgetting the bucket.
 */
export const SPEND_SCRIPT = `
local cost, per_hour = tonumber(ARGV[1]), tonumber(ARGV[2])
local interval, capacity, now = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local opened, used, arrival = now, 0, 0
local kept = redis.call('GET', KEYS[1])
if kept then
  local kept_opened, kept_used, kept_arrival = string.match(kept, '^(%S+) (%S+) (%S+)$')
  opened, used, arrival = tonumber(kept_opened), tonumber(kept_used), tonumber(kept_arrival)
  local age = now - opened
  if age >= ${HOUR_MS} or age < -${HOUR_MS} then
    arrival = arrival + (opened - now) * ${NS_PER_MS}
    opened, used = now, 0
  end
end
local elapsed = (now - opened) * ${NS_PER_MS}
if arrival < elapsed or arrival - elapsed > ${LATEST_ARRIVAL_NS} then arrival = elapsed end

local granted = 1
if cost > 0 then
  if per_hour and per_hour - used < cost then granted = 0 end
  if interval and math.floor((elapsed + capacity - arrival) / interval) < cost then granted = 0 end
  if granted == 1 then
    used = used + cost
    if interval then arrival = arrival + cost * interval end
    local lives = math.ceil((math.max(${HOUR_MS * NS_PER_MS}, arrival) - elapsed) / ${NS_PER_MS})
    redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', opened, used, arrival), 'PX', string.format('%.0f', lives))
  end
end
return {granted, opened, used, arrival, now}
`;

/** Takes ARGV[1] back from a bucket's hour; its end stays where it is. */
export const GIVE_BACK_SCRIPT = `
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local opened, used, arrival = string.match(kept, '^(%S+) (%S+) (%S+)$')
local left = math.max(0, tonumber(used) - tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%s %.0f %s', opened, left, arrival), 'KEEPTTL')
return 1
`;
