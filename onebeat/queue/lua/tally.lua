-- tally: a member of a group that ran in another queue is done.
-- KEYS ready[4] LIST records by priority
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS awaited HASH id → for how long its result will be kept, ms, and `w` while somebody waits for it
-- KEYS groups ZSET group → when it was made, ms
-- KEYS members HASH of the group: `#`, how many there are; `>`, what follows; the ids of those that are done
-- ARGV id text the member
-- MOVES ENQUEUE
-- RETURNS 1 when it was the last one, else 0
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local bell, stats, awaited, groups, members = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local id = ARGV[1]

-- Foreign bytes must not stop a claim half-way: no usable id → SHA-1 (as in record.py), no priority → last.
local function id_of(record)
  local id = string.sub(record, 15, 14 + (string.byte(record, 12) or 0))
  return string.find(id, '^[%w_.:@+~-]+$') and id or redis.sha1hex(record)
end
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back.
local backlog = 0
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({stats, awaited, members}) do redis.call('HLEN', hash) end
redis.call('ZCARD', bell); redis.call('ZCARD', groups)

-- include group

joined(members, id)
if backlog > 0 then redis.call('ZADD', bell, 0, '*') end
return backlog
