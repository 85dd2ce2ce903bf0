-- The message is over: the singleton that it was queued for may be queued again.
local function freed(id)
  local name = uniques and redis.call('HGET', unique, id)
  if name then redis.call('HDEL', unique, id, name) end
end
