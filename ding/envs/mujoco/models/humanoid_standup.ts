/** The human figure, lying on its back. */
export const HUMANOID_STANDUP = `
<mujoco model="humanoidstandup">
  <option timestep="0.003" integrator="RK4" solver="PGS" iterations="50"/>
  <default>
    <joint damping="5" armature="0.01" stiffness="10"/>
    <geom condim="1" margin="0.001"/>
    <motor ctrlrange="-0.4 0.4" gear="100"/>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="20 20 0.125" condim="3" friction="1 0.1 0.1"/>
    <body name="torso" pos="0 0 0.105">
      <joint name="root" type="free" stiffness="0" damping="0" armature="0"/>
      <geom name="torso1" type="capsule" fromto="0 -0.07 0 0 0.07 0" size="0.07"/>
      <geom name="head" size="0.09" pos="-0.15 0 0"/>
      <geom name="uwaist" type="capsule" fromto="0.11 -0.06 0 0.11 0.06 0" size="0.06"/>
      <body name="lwaist" pos="0.21 0 0" quat="1 0 -0.002 0">
        <joint name="abdomen_z" pos="0 0 0.065" axis="0 0 1" range="-45 45" stiffness="20" armature="0.02"/>
        <joint name="abdomen_y" pos="0 0 0.065" axis="0 1 0" range="-75 30" armature="0.02"/>
        <geom name="lwaist" type="capsule" fromto="0 -0.06 0 0 0.06 0" size="0.06"/>
        <body name="pelvis" pos="0.165 0 0" quat="1 0 -0.002 0">
          <joint name="abdomen_x" pos="0 0 0.1" axis="1 0 0" range="-35 35" armature="0.02"/>
          <geom name="butt" type="capsule" fromto="-0.02 -0.07 0 -0.02 0.07 0" size="0.09"/>
          <body name="right_thigh" pos="0 -0.1 0">
            <joint name="right_hip_x" axis="1 0 0" range="-25 5"/>
            <joint name="right_hip_z" axis="0 0 1" range="-60 35"/>
            <joint name="right_hip_y" axis="0 1 0" range="-110 20" stiffness="20" armature="0.008"/>
            <geom name="right_thigh1" type="capsule" fromto="0 0 0 0.34 0.01 0" size="0.06"/>
            <body name="right_shin" pos="0.403 0.01 0">
              <joint name="right_knee" pos="0 0 0.02" axis="0 -1 0" range="-160 -2" stiffness="0" damping="1" armature="0.006"/>
              <geom name="right_shin1" type="capsule" fromto="0 0 0 0.3 0 0" size="0.049"/>
              <body name="right_foot" pos="0.35 0 -0.1">
                <geom name="right_foot" size="0.075" pos="0 0 0.1"/>
              </body>
            </body>
          </body>
          <body name="left_thigh" pos="0 0.1 0">
            <joint name="left_hip_x" axis="-1 0 0" range="-25 5"/>
            <joint name="left_hip_z" axis="0 0 -1" range="-60 35"/>
            <joint name="left_hip_y" axis="0 1 0" range="-120 20" stiffness="20"/>
            <geom name="left_thigh1" type="capsule" fromto="0 0 0 0.34 -0.01 0" size="0.06"/>
            <body name="left_shin" pos="0.403 -0.01 0">
              <joint name="left_knee" pos="0 0 0.02" axis="0 -1 0" range="-160 -2" stiffness="1" damping="1" armature="0.006"/>
              <geom name="left_shin1" type="capsule" fromto="0 0 0 0.3 0 0" size="0.049"/>
              <body name="left_foot" pos="0.35 0 -0.1">
                <geom name="left_foot" size="0.075" pos="0 0 0.1"/>
              </body>
            </body>
          </body>
        </body>
      </body>
      <body name="right_upper_arm" pos="0 -0.17 0.06">
        <joint name="right_shoulder1" axis="2 1 1" range="-85 60" stiffness="1" damping="1" armature="0.0068"/>
        <joint name="right_shoulder2" axis="0 -1 1" range="-85 60" stiffness="1" damping="1" armature="0.0051"/>
        <geom name="right_uarm1" type="capsule" fromto="0 0 0 0.16 -0.16 -0.16" size="0.04"/>
        <body name="right_lower_arm" pos="0.18 -0.18 -0.18">
          <joint name="right_elbow" axis="0 -1 1" range="-90 50" stiffness="0" damping="1" armature="0.0028"/>
          <geom name="right_larm" type="capsule" fromto="0.01 0.01 0.01 0.17 0.17 0.17" size="0.031"/>
          <geom name="right_hand" size="0.04" pos="0.18 0.18 0.18"/>
        </body>
      </body>
      <body name="left_upper_arm" pos="0 0.17 0.06">
        <joint name="left_shoulder1" axis="2 -1 1" range="-60 85" stiffness="1" damping="1" armature="0.0068"/>
        <joint name="left_shoulder2" axis="0 1 1" range="-60 85" stiffness="1" damping="1" armature="0.0051"/>
        <geom name="left_uarm1" type="capsule" fromto="0 0 0 0.16 0.16 -0.16" size="0.04"/>
        <body name="left_lower_arm" pos="0.18 0.18 -0.18">
          <joint name="left_elbow" axis="0 -1 -1" range="-90 50" stiffness="0" damping="1" armature="0.0028"/>
          <geom name="left_larm" type="capsule" fromto="0.01 -0.01 0.01 0.17 -0.17 0.17" size="0.031"/>
          <geom name="left_hand" size="0.04" pos="0.18 -0.18 0.18"/>
        </body>
      </body>
    </body>
  </worldbody>
  <tendon>
    <fixed name="left_hipknee">
      <joint joint="left_hip_y" coef="-1"/>
      <joint joint="left_knee" coef="1"/>
    </fixed>
    <fixed name="right_hipknee">
      <joint joint="right_hip_y" coef="-1"/>
      <joint joint="right_knee" coef="1"/>
    </fixed>
  </tendon>
  <actuator>
    <motor name="abdomen_y" joint="abdomen_y"/>
    <motor name="abdomen_z" joint="abdomen_z"/>
    <motor name="abdomen_x" joint="abdomen_x"/>
    <motor name="right_hip_x" joint="right_hip_x"/>
    <motor name="right_hip_z" joint="right_hip_z"/>
    <motor name="right_hip_y" joint="right_hip_y" gear="300"/>
    <motor name="right_knee" joint="right_knee" gear="200"/>
    <motor name="left_hip_x" joint="left_hip_x"/>
    <motor name="left_hip_z" joint="left_hip_z"/>
    <motor name="left_hip_y" joint="left_hip_y" gear="300"/>
    <motor name="left_knee" joint="left_knee" gear="200"/>
    <motor name="right_shoulder1" joint="right_shoulder1" gear="25"/>
    <motor name="right_shoulder2" joint="right_shoulder2" gear="25"/>
    <motor name="right_elbow" joint="right_elbow" gear="25"/>
    <motor name="left_shoulder1" joint="left_shoulder1" gear="25"/>
    <motor name="left_shoulder2" joint="left_shoulder2" gear="25"/>
    <motor name="left_elbow" joint="left_elbow" gear="25"/>
  </actuator>
</mujoco>
`
