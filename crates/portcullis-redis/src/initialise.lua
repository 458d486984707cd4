-- Gives a store its epoch, unless it has one.
--
-- KEYS  meta, denials, cutoffs, allowed, expiry, subjects, log
-- ARGV  1 epoch   2 nonce   3 now, in milliseconds; empty: the clock of this server
--       4 field of the cutoff for everything; empty: it is waived
--       5 after, 6 keep_after: milliseconds after now

local meta, cutoffs, expiry, log = KEYS[1], KEYS[3], KEYS[5], KEYS[7]
if redis.call('HGET', meta, 'epoch') then
    return 0
end
local now = tonumber(ARGV[3])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- rows without an epoch are those of a store that was half lost: they may stay, they only deny
redis.call('DEL', log)
redis.call('HSET', meta, 'epoch', ARGV[1], 'nonce', ARGV[2], 'position', 1, 'logged', 1, 'schema', 1)
local field, row = ARGV[4], ''
if field ~= '' then
    row = string.format('%.0f', now + tonumber(ARGV[5])) .. ';'
    local keep_after = tonumber(ARGV[6])
    if keep_after then
        local until_secs = string.format('%.0f', math.ceil((now + keep_after) / 1000))
        row = row .. until_secs
        redis.call('ZADD', expiry, until_secs, field)
    end
    redis.call('HSET', cutoffs, field, row)
end
-- the log is never empty: it begins with this entry
redis.call('XADD', log, '1-0', 'p', '0', 'n', ARGV[2], 'f', field, 'r', row)
return 1
