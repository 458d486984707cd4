-- One write: the state and its entry in the log, or neither. Nothing else runs on the server meanwhile.
--
-- KEYS  meta, denials, cutoffs, allowed, expiry, subjects, log
-- ARGV   1 nonce       a random number of this entry
--        2 now         milliseconds since 1970; empty: the clock of this server
--        3 log         about how many entries the log keeps
--        4 per_subject how many denials a subject may have
--        5 subject     the row that counts them; empty: they are not counted
--   then six of the change, and six of the cutoff that the denial collapses into, if there is one:
--          field       the class of the fact, and its target
--          room        how many rows there may be where it goes
--          fixed       a moment, or what else the fact says
--          after       milliseconds after now
--          keep_fixed  until when to keep it
--          keep_after  milliseconds after now; both empty: for ever
--
-- A moment is the later of a fixed one and of one so long after now. Rows are "value;until", where `until` is in seconds
-- since 1970, rounded up, and empty for ever.

local meta, denials, cutoffs, allowed, expiry, subjects, log =
    KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local nonce, now, log_length, per_subject, subject =
    ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]

if not redis.call('HGET', meta, 'epoch') then
    return { 'uninitialised' }
end
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local now_secs = math.floor(now / 1000)

local function text(number)
    return string.format('%.0f', number)
end

local function moment(fixed, after)
    local fixed_at, after_now = tonumber(fixed), tonumber(after)
    if after_now then
        after_now = now + after_now
    end
    if fixed_at and after_now then
        return math.max(fixed_at, after_now)
    end
    return fixed_at or after_now
end

local function change(first)
    local field = ARGV[first]
    if not field or field == '' then
        return nil
    end
    local keep = moment(ARGV[first + 4], ARGV[first + 5])
    return {
        field = field,
        class = string.sub(field, 1, 1),
        room = tonumber(ARGV[first + 1]),
        fixed = ARGV[first + 2],
        after = ARGV[first + 3],
        over = keep and keep <= now,
        until_secs = keep and math.ceil(keep / 1000),
    }
end

-- Where a fact goes. What is broader than a session has a room of its own, beside the cutoffs.
local function hash_of(field)
    local class = string.sub(field, 1, 1)
    if class == 'd' then
        return denials
    elseif class == 't' then
        return allowed
    end
    return cutoffs
end

-- Drops rows that have expired, and tells whether there were any.
local function purge(most)
    local over = redis.call('ZRANGEBYSCORE', expiry, '-inf', now_secs, 'LIMIT', 0, most)
    for _, field in ipairs(over) do
        if string.sub(field, 1, 1) == 's' then
            redis.call('HDEL', subjects, field)
        else
            redis.call('HDEL', hash_of(field), field)
        end
        redis.call('ZREM', expiry, field)
    end
    return #over > 0
end

local function keep(field, until_secs)
    if until_secs then
        redis.call('ZADD', expiry, text(until_secs), field)
    else
        redis.call('ZREM', expiry, field)
    end
end

local function later(a, b)
    return a and b and math.max(a, b)
end

-- What two facts of the same class about the same target come to: the stricter.
local function stricter(class, old, new)
    if class == 'd' or class == 'e' then
        -- empty is at once
        if old == '' or new == '' then
            return ''
        end
        return text(math.min(tonumber(old), tonumber(new)))
    elseif class == 'g' then
        -- as texts, which are of the same length: they have more digits than the numbers of a script
        return old > new and old or new
    end
    return text(math.max(tonumber(old), tonumber(new)))
end

-- The row of a fact as it will be, until when it is kept, and until when it was if it is not new; nil if there is no room for it.
local function merged(change, value)
    local hash = hash_of(change.field)
    local row = redis.call('HGET', hash, change.field)
    if not row then
        while redis.call('HLEN', hash) >= change.room do
            if not purge(1000) then
                return nil
            end
        end
        return value, change.until_secs
    end
    local old, old_until = string.match(row, '^([^;]*);(.*)$')
    local until_secs = later(tonumber(old_until), change.until_secs)
    return stricter(change.class, old, value), until_secs, old_until
end

local function position()
    return tonumber(redis.call('HGET', meta, 'position'))
end

local function full(change)
    return { 'full', redis.call('HLEN', hash_of(change.field)) }
end

-- Writes a fact and its entry in the log; tells until when it is kept, and was.
local function put(change, value)
    local row_value, until_secs, old_until = merged(change, value)
    if not row_value then
        return false
    end
    local row = row_value .. ';' .. (until_secs and text(until_secs) or '')
    local at = redis.call('HINCRBY', meta, 'position', 1)
    redis.call('HSET', hash_of(change.field), change.field, row)
    keep(change.field, until_secs)
    -- each entry names the one before it: listings take positions too, so a gap does not show by the numbers
    local before = redis.call('HGET', meta, 'logged')
    redis.call('XADD', log, 'MAXLEN', '~', log_length, text(at) .. '-0',
        'p', before, 'n', nonce, 'f', change.field, 'r', row)
    redis.call('HSET', meta, 'nonce', nonce, 'logged', text(at))
    return true, until_secs, old_until
end

-- Rows of the allowlist are "first;until;was_listed;subject", where `first` is the position at which the token was listed,
-- or 0 if it was removed. They are in no log.
local function list(change, listed)
    local row = redis.call('HGET', allowed, change.field)
    if not row then
        while redis.call('HLEN', allowed) >= change.room do
            if not purge(1000) then
                return false
            end
        end
    end
    local at = redis.call('HINCRBY', meta, 'position', 1)
    local first, was_listed = listed and at or 0, listed and 1 or 0
    local owner, until_secs = subject, change.until_secs
    if row then
        local old_first, old_until, old_listed, old_owner =
            string.match(row, '^([^;]*);([^;]*);([^;]*);(.*)$')
        old_first, old_listed = tonumber(old_first), tonumber(old_listed)
        old_until = tonumber(old_until)
        -- the expiry of a tombstone is a guess, that of a listing is known
        if old_listed > was_listed then
            until_secs = old_until
        elseif old_listed == was_listed then
            until_secs = later(old_until, until_secs)
        end
        was_listed = math.max(was_listed, old_listed)
        if old_first <= first then
            first, owner = old_first, old_owner
        end
    end
    local kept = until_secs and text(until_secs) or ''
    local new = text(first) .. ';' .. kept .. ';' .. was_listed .. ';' .. owner
    redis.call('HSET', allowed, change.field, new)
    keep(change.field, until_secs)
    return true
end

-- The cutoff in force for the target of this field: the later of what was written and what denials collapsed into.
local function cutoff(field)
    local latest
    for _, class in ipairs({ 'n', 'c' }) do
        local row = redis.call('HGET', cutoffs, class .. string.sub(field, 2))
        local value = row and tonumber(string.match(row, '^([^;]*);'))
        if value and (not latest or value > latest) then
            latest = value
        end
    end
    return latest and text(latest) or ''
end

-- The denials of a subject that have not expired: "until,until,…", where 'n' is for ever.
local function denials_of_subject()
    local kept, count = {}, 0
    local latest = 0
    for item in string.gmatch(redis.call('HGET', subjects, subject) or '', '[^,]+') do
        if item == 'n' or tonumber(item) > now_secs then
            count = count + 1
            kept[count] = item
            latest = (item ~= 'n' and latest) and math.max(latest, tonumber(item))
        end
    end
    return kept, count, latest
end

purge(20)
local main, collapsed = change(6), change(12)
if main.over then
    return { 'ok', text(position()), '' }
end
local class = main.class

if class == 't' then
    if not list(main, main.fixed == 'listed') then
        return full(main)
    end
    return { 'ok', text(position()), '' }
end

if class == 'd' and subject ~= '' then
    local kept, count, latest = denials_of_subject()
    local known = redis.call('HEXISTS', denials, main.field) == 1
    if count >= per_subject and not known then
        if not collapsed then
            return { 'subject' }
        end
        if collapsed.over then
            return { 'ok', text(position()), '' }
        end
        if not put(collapsed, text(moment(collapsed.fixed, collapsed.after))) then
            return full(collapsed)
        end
        return { 'ok', text(position()), cutoff(collapsed.field) }
    end
    local value = tonumber(main.fixed) and tonumber(main.fixed) > now and main.fixed or ''
    local done, until_secs, old_until = put(main, value)
    if not done then
        return full(main)
    end
    -- one that was known counts once, and as long as it is kept now
    local place = count + 1
    for n = 1, old_until and count or 0 do
        if kept[n] == (old_until ~= '' and old_until or 'n') then
            place = n
            break
        end
    end
    kept[place] = until_secs and text(until_secs) or 'n'
    redis.call('HSET', subjects, subject, table.concat(kept, ','))
    keep(subject, later(latest, until_secs))
    return { 'ok', text(position()), '' }
end

local value
if class == 'd' or class == 'e' then
    value = tonumber(main.fixed) and tonumber(main.fixed) > now and main.fixed or ''
elseif class == 'g' then
    value = main.fixed
elseif class == 'w' then
    -- all that was listed up to this write
    value = text(position() + 1)
else
    value = text(moment(main.fixed, main.after))
end
if not put(main, value) then
    return full(main)
end
return { 'ok', text(position()), class == 'n' and cutoff(main.field) or '' }
