-- Health of every kind of ops.mobulace.com by its conditions, which keep to kstatus: `observedGeneration`, `Ready`, and `Reconciling`,
-- `Stalled` and `Suspended` while they are True. Argo CD runs it without `string`, `math` and `io`. Drift is in the message and no
-- illness: what is to be corrected is corrected.
local health = { status = "Progressing", message = "Waiting for the operator to look at it" }
if obj.status == nil or obj.status.conditions == nil then
  return health
end
local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function is(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end
local function said(type)
  return conditions[type].reason .. ": " .. conditions[type].message
end
local observed = obj.status.observedGeneration
if obj.metadata.generation ~= nil and observed ~= nil and observed ~= obj.metadata.generation then
  health.message = "Waiting for the operator to look at generation " .. obj.metadata.generation
elseif is("Suspended") then
  health.status = "Suspended"
  health.message = said("Suspended")
elseif is("Stalled") then
  health.status = "Degraded"
  health.message = said("Stalled")
elseif is("Reconciling") then
  health.message = said("Reconciling")
elseif is("Ready") then
  health.status = "Healthy"
  health.message = said("Ready")
  if is("Drifted") then
    health.message = "Drifted: " .. conditions["Drifted"].message
  end
elseif conditions["Ready"] ~= nil then
  health.message = said("Ready")
end
return health
