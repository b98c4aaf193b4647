"""The pure core: money, ledger, invoices, payments, policy. No I/O, no await, no clock, no framework."""
