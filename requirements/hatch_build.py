"""The wheel's dependencies are the ones named once, in requirements/runtime.in."""

from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


class RequirementsHook(MetadataHookInterface):
    """Reads `dependencies` from runtime.in."""

    def update(self, metadata: dict[str, object]) -> None:
        """Set `dependencies` from the lines that are not comments."""
        lines = (Path(self.root) / "requirements" / "runtime.in").read_text().splitlines()
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]
