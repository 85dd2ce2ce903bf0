-- One of the schedule's messages is over. When nothing of it runs any more, the next that waits may start.
local function over(schedule)
  local left = redis.call('HINCRBY', live, schedule, -1)
  if left <= 0 then
    redis.call('HDEL', live, schedule)
    redis.call('ZREM', cutoff, schedule)
  elseif waits then
    local from, to = '[' .. schedule .. '@', '(' .. schedule .. 'A'
    if left > redis.call('ZLEXCOUNT', waiting, from, to) then return end
    local id = redis.call('ZRANGEBYLEX', waiting, from, to, 'LIMIT', 0, 1)[1]
    local record = redis.call('HGET', waitrec, id)
    redis.call('ZREM', waiting, id); redis.call('HDEL', waitrec, id)
    if record then redis.call('RPUSH', list_of(record), record); backlog = backlog + 1 end
  end
end
