-- It waits for nothing any more. Of those that wait for a token nobody else wakes the next one.
local function unparked(id)
  local member = parks and redis.call('HGET', parkedof, id)
  if not member then return end
  redis.call('ZREM', parked, member); redis.call('HDEL', parkedof, id)
  local rate = string.match(member, '^(~%x+) ')
  local first = rate and redis.call('ZRANGEBYLEX', parked, '[' .. rate .. ' ', '(' .. rate .. '!', 'LIMIT', 0, 1)[1]
  if first then redis.call('ZADD', due, 0, string.match(first, '(%S+)$')) end
end
