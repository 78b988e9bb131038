-- Made by `make docs` from queries.sql.in and the metrics.
-- Eight questions about accounts. In the lake, on the tables:
--
--   cryptodudez sql --file docs/accounts/queries.sql --only "question 3" --param day=2026-11-20
--
-- In DuckDB, on the files of exports/accounts: run tables_from_csv.sql first, which declares their types.
--
-- Parameters: $day, $from, $to (UTC days such as 2026-11-20, both ends count), $currency (btc), $user_id. By default only completed
-- deposits and withdrawals count; columns named ..._all_statuses count them whatever became of them.

-- question 1
-- Which users were active on $day? Active is who did anything: a deposit or a withdrawal, whatever became of it, a login, any other
-- event. `transacted` says who made a deposit or a withdrawal that was completed.
SELECT
    fact.user_key,
    dim_user.user_id,
    fact.deposits + fact.withdrawals > 0 AS transacted,
    fact.deposits,
    fact.deposits_all_statuses,
    fact.withdrawals,
    fact.withdrawals_all_statuses,
    fact.logins,
    fact.events
FROM accounts.fact_user_day AS fact
JOIN accounts.dim_user ON dim_user.user_key = fact.user_key AND dim_user.is_current
WHERE fact.date = $day::DATE AND fact.user_key <> 0
ORDER BY ALL;

-- question 2
-- Which users are without a deposit? Two readings: all of these have no completed one; those with `none_at_all` have no other either,
-- neither failed nor pending.
SELECT
    dim_user.user_key,
    dim_user.user_id,
    coalesce(max(fact.deposits_all_statuses_to_date), 0) = 0 AS none_at_all
FROM accounts.dim_user
LEFT JOIN accounts.fact_user_day AS fact ON fact.user_key = dim_user.user_key
WHERE dim_user.is_current AND dim_user.user_key <> 0
GROUP BY ALL
HAVING coalesce(max(fact.deposits_to_date), 0) = 0
ORDER BY ALL;

-- question 3
-- Which users had made more than 5 deposits by the end of $day? Historically: all days up to and with that day count, also for users
-- who did nothing on it. For the other reading put deposits_all_statuses_to_date into HAVING.
SELECT
    fact.user_key,
    dim_user.user_id,
    max(fact.deposits_to_date) AS deposits,
    max(fact.deposits_all_statuses_to_date) AS deposits_all_statuses
FROM accounts.fact_user_day AS fact
JOIN accounts.dim_user ON dim_user.user_key = fact.user_key AND dim_user.is_current
WHERE fact.date <= $day::DATE AND fact.user_key <> 0
GROUP BY ALL
HAVING max(fact.deposits_to_date) > 5
ORDER BY ALL;

-- question 4
-- When did $user_id log in last? Null: never. No row: there is no such user.
SELECT dim_user.user_key, dim_user.user_id, max(fact.last_login) AS last_login
FROM accounts.dim_user
LEFT JOIN accounts.fact_user_day AS fact ON fact.user_key = dim_user.user_key
WHERE dim_user.is_current AND dim_user.user_id = $user_id::VARCHAR
GROUP BY ALL;

-- question 5
-- How often did $user_id log in from $from to $to? No row: there is no such user.
SELECT dim_user.user_key, dim_user.user_id, coalesce(sum(logins), 0)::BIGINT AS logins
FROM accounts.dim_user
LEFT JOIN accounts.fact_user_day AS fact
    ON fact.user_key = dim_user.user_key AND fact.date BETWEEN $from::DATE AND $to::DATE
WHERE dim_user.is_current AND dim_user.user_id = $user_id::VARCHAR
GROUP BY ALL;

-- question 6
-- How many different currencies were deposited on $day, and which?
SELECT
    count(DISTINCT currency) FILTER (n > 0) AS currencies,
    string_agg(currency, ' ' ORDER BY currency) FILTER (n > 0) AS which,
    count(DISTINCT currency) AS currencies_all_statuses
FROM accounts.fact_currency_day
WHERE kind = 'deposit' AND date = $day::DATE;

-- question 7
-- How many different currencies were withdrawn on $day, and which?
SELECT
    count(DISTINCT currency) FILTER (n > 0) AS currencies,
    string_agg(currency, ' ' ORDER BY currency) FILTER (n > 0) AS which,
    count(DISTINCT currency) AS currencies_all_statuses
FROM accounts.fact_currency_day
WHERE kind = 'withdrawal' AND date = $day::DATE;

-- question 8
-- How much of $currency was deposited on $day? To the last digit.
SELECT
    lower($currency::VARCHAR) AS currency,
    coalesce(sum(amount), 0) AS amount,
    coalesce(sum(amount_all_statuses), 0) AS amount_all_statuses
FROM accounts.fact_currency_day
WHERE kind = 'deposit' AND currency = lower($currency::VARCHAR) AND date = $day::DATE;
