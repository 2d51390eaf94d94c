"""What an agent's own tools import: `from ringside.tools import CallContext, tool`."""

from ringside.tools.definition import CallContext, Options, Tool, ToolError, ToolFailed, ToolTimedOut, tool

__all__ = ["CallContext", "Options", "Tool", "ToolError", "ToolFailed", "ToolTimedOut", "tool"]
