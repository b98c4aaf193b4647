-- What wrk sends: one operation, for a client picked by chance each time.
-- Arguments after --: the operation, a file with an access token a line (one a shop), how many clients, a word that no
-- other run has, and, if all requests are to be about one client, that client's number.

local operation, tokens_file, clients, run, only
local tokens, thread_count, sent, number = {}, 0, 0, 0

-- The one word that threads do not share.
function setup(thread)
  thread:set("number", thread_count)
  thread_count = thread_count + 1
end

local function client_id(n) return string.format("00000000-0000-7000-8000-%012d", n) end
local function invoice_id(n) return string.format("00000000-0000-7000-9000-%012d", n) end

local function credit(n) return "/v1/clients/" .. client_id(n) .. "/credit" end
local function payments(n) return "/v1/invoices/" .. invoice_id(n) .. "/payments" end

local operations = {
  nothing = function(n) return "GET", "/health/live" end,
  add = function(n) return "POST", credit(n) .. "/entries", '{"reason":"goodwill","amount":100,"note":"job ran late"}' end,
  apply = function(n) return "POST", payments(n), '{"method":"account_credit","amount":1}' end,
  cash = function(n) return "POST", payments(n), '{"method":"cash","amount":1}' end,
  balance = function(n) return "GET", credit(n) .. "?limit=1" end,
  page = function(n) return "GET", credit(n) .. "/entries" end,
  options = function(n) return "GET", "/v1/invoices/" .. invoice_id(n) .. "/payment-options" end,
}

function init(args)
  operation, tokens_file, clients, run, only = operations[args[1]], args[2], tonumber(args[3]), args[4], tonumber(args[5])
  for token in io.lines(tokens_file) do tokens[#tokens + 1] = token end
  math.randomseed(os.time() * 1000 + number)
end

function request()
  local n = only or math.random(0, clients - 1)
  local method, path, body = operation(n)
  local headers = { ["Authorization"] = "Bearer " .. tokens[n % #tokens + 1] }
  if body then
    sent = sent + 1
    headers["Content-Type"] = "application/json"
    headers["Idempotency-Key"] = run .. "-" .. number .. "-" .. sent
  end
  return wrk.format(method, path, headers, body)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'figures {"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d, "longest": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
