"""The staff console: server-rendered pages at ``/app`` on the use cases of the staff API. No rules and no SQL here.

To add a page: write the handlers in a module of its own (see ``clients.py``) with a list ``routes``, and name the
module in ``application._PAGES`` (a tab of the settings: in ``settings``); put its template into ``templates`` (see
``clients/edit.html``; on ``base.html`` or, for a tab of a client or of the settings, ``client/base.html`` and
``settings/base.html``); name it in ``navigation`` if it is a place or a tab; list its routes in
``tests/console/routes.py``. A handler takes ``console`` (use cases), ``visitor`` (who asks; ``page``, ``part``, ``go``)
and, on POST, ``form``: first ``visitor.require(permission)``, so that nobody who lacks it is shown the form again; then
``form.read(Struct)``, of which a form of ``visitor.edit_form`` saves what ``form.changed`` leaves; then
``form.once(lambda caller: use_case(caller, ...), View)``; on
``REFUSED`` ``visitor.again(template, form, refusal)``, else ``visitor.go(path, "What was done.")``. Every form carries
a token, a key of its own and, after a refusal, what was typed; ``macros/fields.html`` writes all of it. Amounts are
``forms.Amount``.
"""
