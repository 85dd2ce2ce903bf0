-- recover: move a dead worker's messages back to the front.
-- KEYS own HASH what the dead worker holds
-- KEYS lease ZSET worker → end of its lease, ms
-- KEYS ready[4] LIST records by priority
-- KEYS dead ZSET id → died ms
-- KEYS deadrec HASH id → dead record
-- KEYS deadwhy HASH id → why
-- KEYS live HASH schedule id → messages not over
-- KEYS waiting ZSET ids that wait until the run before them is over
-- KEYS waitrec HASH id → waiting record
-- KEYS cutoff ZSET schedule id → nominal ms: older messages of it are cancelled
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS progress HASH id → when, ms, and how far its run is: JSON
-- KEYS slots HASH `/` and the hash of a key → how many of its messages may run, and id of each → that
-- KEYS parked ZSET lock or key, place and id of what waits for a lock, a slot or a token, in the order of its turn
-- KEYS due ZSET id → due ms
-- ARGV wid text the dead worker
-- ARGV gone int 1 when its supervisor saw it end; else its lease must be over
-- ARGV deliveries_max int a message is buried when this many workers died of it
-- ARGV log_max int entries that the log keeps
-- MOVES RECOVER BURY
-- RETURNS alive | the number of messages that it held
local own, lease = KEYS[1], KEYS[2]
local ready = {KEYS[3], KEYS[4], KEYS[5], KEYS[6]}
local dead, deadrec, deadwhy, live = KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local waiting, waitrec, cutoff, fails = KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local bell, stats, log, unique, progress = KEYS[15], KEYS[16], KEYS[17], KEYS[18], KEYS[19]
local GONE, GONE_MS = '9007199254740991', 3600000  -- whatever it sent before, and arrives within so long, is stale
local slots, parked, due = KEYS[20], KEYS[21], KEYS[22]
local wid, gone, deliveries_max, log_max = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

-- Foreign bytes must not block the recovery of the rest: without a usable priority they go last.
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({deadrec, deadwhy, live, waitrec, fails, stats, progress}) do redis.call('HLEN', hash) end
for _, zset in ipairs({dead, cutoff, bell, parked, due}) do redis.call('ZCARD', zset) end
redis.call('XLEN', log)
local waits, backlog = redis.call('ZCARD', waiting) > 0, 0
local uniques, seats = redis.call('HLEN', unique) > 0, redis.call('HLEN', slots) > 0
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ends = redis.call('ZSCORE', lease, wid)
-- It may have renewed since somebody called it dead: only the lease itself decides.
if gone ~= '1' and ends and tonumber(ends) > now then return 'alive' end

local pairs_, held = redis.call('HGETALL', own), {}  -- bounded: a worker holds ≤ 256
for i = 1, #pairs_, 2 do
  if pairs_[i] ~= '#' then held[#held + 1] = {id = pairs_[i], record = pairs_[i + 1]} end
end
-- Pushed youngest first, so that the oldest ends up in front.
table.sort(held, function(a, b)
  local x, y = string.sub(a.record, 6, 11) .. a.id, string.sub(b.record, 6, 11) .. b.id
  return x > y
end)
-- include over
-- include freed
-- include slot

local lines, buried = {}, 0
for _, message in ipairs(held) do
  local record, id = message.record, message.id
  redis.call('HDEL', progress, id)
  local deliveries = math.min((string.byte(record, 3) or 0) + 1, 255)
  record = string.sub(record, 1, 2) .. string.char(deliveries) .. string.sub(record, 4)
  if deliveries >= deliveries_max then
    local why = 'its worker died ' .. deliveries .. ' times'
    redis.call('HSET', deadrec, id, record)
    redis.call('HSET', deadwhy, id, '{"error":"' .. why .. '","reason":"deliveries"}')
    redis.call('ZADD', dead, now, id)
    freed(id); vacated(id)
    local schedule = string.match(id, '^(.+)@')
    if schedule and (string.byte(record, 2) or 0) % 4 >= 2 then
      redis.call('HINCRBY', fails, schedule, 1)
      over(schedule)
    end
    lines[#lines + 1] = '{"event":"ended","id":"' .. id .. '","state":"dead","worker":"' .. wid
      .. '","error":"' .. why .. '","reason":"deliveries"}'
    buried = buried + 1
  else
    redis.call('LPUSH', list_of(record), record)
    lines[#lines + 1] = '{"event":"recovered","id":"' .. id .. '","worker":"' .. wid
      .. '","deliveries":' .. deliveries .. '}'
  end
end
redis.call('DEL', own)
redis.call('HSET', own, '#', GONE); redis.call('PEXPIRE', own, GONE_MS)
redis.call('ZREM', lease, wid)
if #held > 0 then
  redis.call('HINCRBY', stats, 'recovered', #held - buried)
  redis.call('HINCRBY', stats, 'bury', buried)
  redis.call('ZADD', bell, 0, '*')
  redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n'))
end
return #held
