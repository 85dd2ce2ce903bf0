-- How it ended is kept for as long as was asked; true when somebody waits to be told.
local function concluded(id, ending, ttl_ms)
  local asked = awaits and redis.call('HGET', awaited, id)
  if asked then
    redis.call('HDEL', awaited, id)
    ttl_ms = tonumber(string.match(asked, '^%d+') or '0')
  end
  if ttl_ms > 0 then
    redis.call('HSET', results, id, ending)
    redis.call('ZADD', kept, now + ttl_ms, id)
  end
  return asked and string.sub(asked, -1) == 'w'
end
