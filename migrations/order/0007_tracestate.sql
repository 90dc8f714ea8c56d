-- What goes with traceparent, for events that time or a provider's answer leads to. Null where there is none, as usual.
alter table orders add column tracestate varchar(512);
