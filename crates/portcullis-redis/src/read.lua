-- Several commands that only read, as of one moment. Unlike a transaction it works where the server has no memory left.
--
-- KEYS  the keys that they are about
-- ARGV  for each of them the number of its words, and its words

local replies, at = {}, 1
while at <= #ARGV do
    local words = tonumber(ARGV[at])
    replies[#replies + 1] = redis.call(unpack(ARGV, at + 1, at + words))
    at = at + 1 + words
end
return replies
