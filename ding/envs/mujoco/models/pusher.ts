/**
 * An arm of seven joints, a cylinder on a table and a goal. `objectDensity` in kg/m^3: the cylinder of v4 has 1e-5, less
 * than air, that of v5 0.01. All geoms have a contact margin of 2 mm.
 */
export const pusher = (objectDensity: number): string => `
<mujoco model="pusher">
  <compiler angle="radian"/>
  <option timestep="0.01" gravity="0 0 0" iterations="20"/>
  <default>
    <joint damping="0.1" armature="0.04"/>
    <geom contype="0" conaffinity="0" condim="1" friction="0.8 0.1 0.1" margin="0.002" density="300"/>
    <motor ctrlrange="-2 2"/>
  </default>
  <worldbody>
    <geom name="table" type="plane" size="1 1 0.1" pos="0 0.5 -0.325" contype="1" conaffinity="1"/>
    <body name="r_shoulder_pan_link" pos="0 -0.6 0">
      <joint name="r_shoulder_pan_joint" axis="0 0 1" range="-2.2854 1.714602" damping="1"/>
      <geom name="e1" size="0.05" pos="-0.06 0.05 0.2"/>
      <geom name="e2" size="0.05" pos="0.06 0.05 0.2"/>
      <geom name="e1p" size="0.03" pos="-0.06 0.09 0.2"/>
      <geom name="e2p" size="0.03" pos="0.06 0.09 0.2"/>
      <geom name="sp" type="capsule" fromto="0 0 -0.4 0 0 0.2" size="0.1"/>
      <body name="r_shoulder_lift_link" pos="0.1 0 0">
        <joint name="r_shoulder_lift_joint" axis="0 1 0" range="-0.5236 1.3963" damping="1"/>
        <geom name="sl" type="capsule" fromto="0 -0.1 0 0 0.1 0" size="0.1"/>
        <body name="r_upper_arm_roll_link">
          <joint name="r_upper_arm_roll_joint" axis="1 0 0" range="-1.5 1.7"/>
          <geom name="uar" type="capsule" fromto="-0.1 0 0 0.1 0 0" size="0.02"/>
          <body name="r_upper_arm_link">
            <geom name="ua" type="capsule" fromto="0 0 0 0.4 0 0" size="0.06"/>
            <body name="r_elbow_flex_link" pos="0.4 0 0">
              <joint name="r_elbow_flex_joint" axis="0 1 0" range="-2.3213 0"/>
              <geom name="ef" type="capsule" fromto="0 -0.02 0 0 0.02 0" size="0.06"/>
              <body name="r_forearm_roll_link">
                <joint name="r_forearm_roll_joint" axis="1 0 0" range="-1.5 1.5"/>
                <geom name="fr" type="capsule" fromto="-0.1 0 0 0.1 0 0" size="0.02"/>
                <body name="r_forearm_link">
                  <geom name="fa" type="capsule" fromto="0 0 0 0.291 0 0" size="0.05"/>
                  <body name="r_wrist_flex_link" pos="0.321 0 0">
                    <joint name="r_wrist_flex_joint" axis="0 1 0" range="-1.094 0"/>
                    <geom name="wf" type="capsule" fromto="0 -0.02 0 0 0.02 0" size="0.01"/>
                    <body name="r_wrist_roll_link">
                      <joint name="r_wrist_roll_joint" axis="1 0 0" range="-1.5 1.5"/>
                      <geom type="capsule" fromto="0 -0.1 0 0 0.1 0" size="0.02" contype="1" conaffinity="1"/>
                      <geom type="capsule" fromto="0 -0.1 0 0.1 -0.1 0" size="0.02" contype="1" conaffinity="1"/>
                      <geom type="capsule" fromto="0 0.1 0 0.1 0.1 0" size="0.02" contype="1" conaffinity="1"/>
                      <body name="tips_arm">
                        <geom name="tip_arml" size="0.01" pos="0.1 -0.1 0"/>
                        <geom name="tip_armr" size="0.01" pos="0.1 0.1 0"/>
                      </body>
                    </body>
                  </body>
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>
    <body name="object" pos="0.45 -0.05 -0.275">
      <joint name="obj_slidey" type="slide" axis="0 1 0" range="-10.3213 10.3" damping="0.5"/>
      <joint name="obj_slidex" type="slide" axis="1 0 0" range="-10.3213 10.3" damping="0.5"/>
      <geom type="cylinder" size="0.05 0.05" contype="1" density="${objectDensity}"/>
    </body>
    <body name="goal" pos="0.45 -0.05 -0.323">
      <joint name="goal_slidey" type="slide" axis="0 1 0" range="-10.3213 10.3" damping="0.5"/>
      <joint name="goal_slidex" type="slide" axis="1 0 0" range="-10.3213 10.3" damping="0.5"/>
      <geom type="cylinder" size="0.08 0.001" density="1e-5"/>
    </body>
  </worldbody>
  <actuator>
    <motor joint="r_shoulder_pan_joint"/>
    <motor joint="r_shoulder_lift_joint"/>
    <motor joint="r_upper_arm_roll_joint"/>
    <motor joint="r_elbow_flex_joint"/>
    <motor joint="r_forearm_roll_joint"/>
    <motor joint="r_wrist_flex_joint"/>
    <motor joint="r_wrist_roll_joint"/>
  </actuator>
</mujoco>
`
