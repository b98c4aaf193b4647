"""How Hypothesis runs the laws."""

from hypothesis import HealthCheck, settings

# A machine that is busy with something else makes an example slow, not wrong.
settings.register_profile("core", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("core")
