-- A younger message waits in its place.
local function superseded(id, record)
  lines[#lines + 1] = '{"event":"ended","id":"' .. id .. '","state":"skipped","reason":"superseded"}'
  counts.supersede = (counts.supersede or 0) + 1
  unparked(id); freed(id)
  if concluded(id, 'skipped', 0) then told[#told + 1] = id end
  redis.call('HDEL', duerec, id); redis.call('ZREM', cancel, id); redis.call('ZREM', due, id)
  local counts_for = (string.byte(record, 2) or 0) % 4 >= 2 and string.match(id, '^(.+)@')
  if counts_for then over(counts_for) end
end
-- It waits for a lock in another slot until it is woken, or until the lock's lease may be over; those behind
-- the first look less often, for they are woken one after the other.
local function park(id, delay_ms, record, why)
  local lock, keep = string.match(why, '^(%S+) (%l+)$')
  lock = lock or '='
  local from, to = '[' .. lock .. ' ', '(' .. lock .. '!'
  local at = string.gsub(string.sub(record, 6, 11), '.', function(c) return string.format('%02x', string.byte(c)) end)
  local member = lock .. ' ' .. at .. ' ' .. id
  redis.call('HSET', duerec, id, record)
  if keep == 'last' then
    for _, other in ipairs(redis.call('ZRANGEBYLEX', parked, from, to, 'LIMIT', 0, 16)) do
      local older = string.match(other, '(%S+)$')
      if other > member then
        superseded(id, record)
        return false
      end
      superseded(older, redis.call('HGET', duerec, older) or '')
    end
  end
  local ahead = math.min(redis.call('ZLEXCOUNT', parked, from, '(' .. member), 3)
  local looks_ms = now + tonumber(delay_ms) * (1 + ahead)
  redis.call('ZADD', due, looks_ms, id)
  redis.call('ZADD', parked, 0, member)
  redis.call('HSET', parkedof, id, member)
  parks = true
  return true
end
