// The tables as they began.

/** Statements of one migration, without the schema: whoever runs them sets the search path. */
export const outbox: readonly string[] = [
  `create table mailbox (
    id text primary key,
    rate_per_minute integer,
    connections integer not null,
    recipients_per_day integer,
    paused_at timestamptz,
    blocked_until timestamptz,
    block_class text,
    block_reason text,
    blocks integer not null default 0,
    slow_until timestamptz,
    tat timestamptz,
    dot_tat timestamptz,
    created_at timestamptz not null default now()
  )`,
  `create table mailbox_slot (
    mailbox_id text not null references mailbox on delete cascade,
    slot integer not null,
    holder text,
    until timestamptz,
    primary key (mailbox_id, slot)
  )`,
  `create table mailbox_usage (
    mailbox_id text not null references mailbox on delete cascade,
    hour timestamptz not null,
    recipients integer not null,
    primary key (mailbox_id, hour)
  )`,
  `create table mail (
    id uuid primary key,
    mailbox_id text not null references mailbox,
    idempotency_key text unique,
    schedule_id text,
    occurrence timestamptz,
    tag text,
    priority smallint not null default 0,
    state text not null default 'scheduled' check (state in
      ('scheduled', 'sending', 'deferred', 'in_doubt', 'accepted', 'dead', 'cancelled', 'suppressed', 'expired')),
    turn integer not null default 0,
    attempts integer not null default 0,
    failures integer not null default 0,
    due_at timestamptz not null,
    dated_at timestamptz,
    next_at timestamptz,
    expires_at timestamptz,
    message_id text,
    subject text,
    envelope jsonb not null,
    mime bytea,
    mime_blob text,
    mime_size integer not null,
    sealed_with text,
    dup_possible boolean not null default false,
    last_code text,
    last_class text,
    last_error text,
    queue_id text,
    created_at timestamptz not null default now(),
    failing_since timestamptz,
    finished_at timestamptz
  )`,
  // MIME is as good as incompressible once encoded; trying costs more than it saves.
  `alter table mail alter column mime set storage external`,
  `create index mail_due on mail (mailbox_id, next_at) where state in ('scheduled', 'deferred')`,
  `create index mail_expires on mail (expires_at) where state in ('scheduled', 'deferred') and expires_at is not null`,
  `create index mail_open on mail (mailbox_id, state) where state in ('sending', 'in_doubt', 'dead')`,
  `create index mail_created on mail (created_at, id)`,
  `create index mail_finished on mail (finished_at) where finished_at is not null`,
  `create index mail_message_id on mail (message_id)`,
  `create index mail_blob on mail (mime_blob) where mime_blob is not null`,
  `create index mail_run_of on mail (schedule_id, occurrence) where schedule_id is not null`,
  `create table mail_recipient (
    mail_id uuid not null references mail on delete cascade,
    position integer not null,
    address text not null,
    wishes jsonb,
    state text not null default 'pending' check (state in ('pending', 'accepted', 'refused', 'suppressed')),
    code integer,
    reply text,
    primary key (mail_id, position)
  )`,
  `create index mail_recipient_address on mail_recipient (lower(address))`,
  `create table mail_attempt (
    mail_id uuid not null references mail on delete cascade,
    n integer not null,
    worker text not null,
    phase text not null default 'start' check (phase in ('start', 'dot', 'done')),
    outcome text check (outcome in ('accepted', 'partial', 'refused', 'failed', 'in_doubt', 'released')),
    recipients integer not null,
    started_at timestamptz not null default now(),
    dot_at timestamptz,
    ended_at timestamptz,
    error_code text,
    error_class text,
    reply_code integer,
    reply text,
    primary key (mail_id, n)
  )`,
  `create index mail_attempt_ended on mail_attempt (ended_at)`,
  `create table schedule (
    id text primary key,
    mailbox_id text,
    definition jsonb not null,
    version integer not null default 1,
    cursor timestamptz not null,
    next_at timestamptz,
    paused_at timestamptz,
    created_at timestamptz not null default now()
  )`,
  `create table mail_run (
    schedule_id text not null,
    occurrence timestamptz not null,
    state text not null check (state in ('running', 'done', 'skipped', 'failed')),
    turn integer not null default 0,
    worker text,
    mails integer not null default 0,
    error text,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    primary key (schedule_id, occurrence)
  )`,
  `create index mail_run_open on mail_run (schedule_id, occurrence) where state = 'running'`,
  `create table suppression (
    key text primary key,
    reason text not null,
    until timestamptz,
    created_at timestamptz not null default now()
  )`,
  `create table event (
    id uuid primary key,
    type text not null,
    data jsonb not null,
    at timestamptz not null default now(),
    next_at timestamptz,
    tries integer not null default 0,
    told_at timestamptz
  )`,
  `create index event_due on event (next_at) where next_at is not null`,
  `create index event_at on event (at)`,
  `create table blob (
    sha256 text primary key,
    size integer not null,
    put_at timestamptz not null default now()
  )`,
  `create table blob_chunk (
    sha256 text not null references blob on delete cascade,
    n integer not null,
    bytes bytea not null,
    primary key (sha256, n)
  )`,
];
