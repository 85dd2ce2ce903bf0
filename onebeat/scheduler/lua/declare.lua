-- declare: write down, change or remove a schedule that a program made, if it still is as it was read.
-- KEYS schedules HASH schedule id → revision, ms of its birth, JSON; `#`: the revision of them all, `#gone`: the last that removed one
-- ARGV id text the schedule; `#` only counts on
-- ARGV entry text its JSON, '' to remove it
-- ARGV expected text its revision when it was read, '' when there was none
-- ARGV least int the new revision is not smaller
-- ARGV many int so many there may be
-- ARGV asof int the revision of them all before the caller looked; a new one is written if none was removed since
-- MOVES none
-- RETURNS done | the new revision, or other | what is stored, or full | '', or gone | ''
local schedules = KEYS[1]
local id, entry, expected, least, many = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local asof = tonumber(ARGV[6])
local stored = redis.call('HGET', schedules, id)
local revision, born = string.match(stored or '', '^(%d+) ?(%d*)')
if (revision or '') ~= expected then return {'other', stored or ''} end
local gone = redis.call('HGET', schedules, '#gone')
if entry ~= '' and not stored then
  -- A call that was sent again may arrive late: the schedule was made and removed meanwhile, and stays away.
  if tonumber(gone or '0') > asof then return {'gone', ''} end
  if redis.call('HLEN', schedules) - (gone and 1 or 0) > many then return {'full', ''} end
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- The time, so that it grows even after the store lost what it counted last.
local last = tonumber(redis.call('HGET', schedules, '#') or '0')
local fresh = string.format('%.0f', math.max(now, last + 1, least))
redis.call('HSET', schedules, '#', fresh)
if entry ~= '' then
  redis.call('HSET', schedules, id, fresh .. ' ' .. (born or string.format('%.0f', now)) .. ' ' .. entry)
elseif id ~= '#' then
  redis.call('HDEL', schedules, id)
  redis.call('HSET', schedules, '#gone', fresh)
end
return {'done', fresh}
