-- Its slot is free: the first that waits for it looks at once.
local function vacated(id)
  local key = seats and redis.call('HGET', slots, id)
  if not key then return end
  redis.call('HDEL', slots, id)
  if redis.call('HINCRBY', slots, key, -1) <= 0 then redis.call('HDEL', slots, key) end
  local first = redis.call('ZRANGEBYLEX', parked, '[' .. key .. ' ', '(' .. key .. '!', 'LIMIT', 0, 1)[1]
  if first then redis.call('ZADD', due, 0, string.match(first, '(%S+)$')) end
end
