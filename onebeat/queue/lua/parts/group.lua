-- What follows an end is queued, once, by the step that makes it follow.
local function queued(record, keep_ms)
  if record == '' then return end
  redis.call('RPUSH', list_of(record), record)
  if keep_ms > 0 then redis.call('HSET', awaited, id_of(record), string.format('%.0f', keep_ms)) end
  redis.call('HINCRBY', stats, 'enqueued', 1)
  backlog = backlog + 1
end
-- One more member of a group is done; its last one queues what the group is for.
local function joined(group, id)
  local total, keep_ms, name = string.match(redis.call('HGET', group, '#') or '', '^(%d+) (%d+) (%S+)')
  if not total or redis.call('HSETNX', group, id, '1') == 0 then return end
  if redis.call('HLEN', group) - 2 < tonumber(total) then return end
  local record = redis.call('HGET', group, '>')
  redis.call('DEL', group); redis.call('ZREM', groups, name)
  queued(record or '', tonumber(keep_ms))
end
